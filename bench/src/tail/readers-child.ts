import type { ReadersCommand, ReadersReport } from './tail-readers.ts';
import { type WatchedTails, watchTails } from './watch-tails.ts';

// The process that reads tails: its parent tells it to open and to close them, and asks what came.

let tails: WatchedTails | undefined;

const tell = (report: ReadersReport) => process.send?.(report);
const seen = (): ReadersReport => ({ kind: 'seen', events: tails?.events ?? 0, ended: tails?.ended ?? 0 });

process.on('message', (command: ReadersCommand) => {
  switch (command.kind) {
    case 'open':
      watchTails(command.wishes).then(
        (opened) => {
          tails = opened;
          tell(seen());
        },
        (error: unknown) =>
          tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
      );
      break;
    case 'look':
      tell(seen());
      break;
    case 'close':
      tails?.close();
      tails = undefined;
      tell(seen());
      break;
  }
});
process.on('disconnect', () => process.exit(0));
