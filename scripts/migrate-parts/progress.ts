/** Shows how far something is. */
export interface Progress {
  show(label: string, done: number, total: number): void;
  /** Before anything else is written. */
  end(): void;
}

const WIDTH = 30;
const LINE_EVERY_MS = 1_000;

/** A bar on a terminal, elsewhere a line a second where something has changed. */
export function createProgress(output: NodeJS.WriteStream, now: () => number): Progress {
  return output.isTTY ? bar(output) : lines(output, now);
}

function bar(output: NodeJS.WriteStream): Progress {
  let isOpen = false;
  return {
    show(label, done, total) {
      const filled = total === 0 ? WIDTH : Math.floor((done / total) * WIDTH);
      output.write(`\r\x1b[K${label} [${'#'.repeat(filled).padEnd(WIDTH, '.')}] ${done} of ${total} parts`);
      isOpen = true;
    },
    end() {
      if (isOpen) output.write('\r\x1b[K');
      isOpen = false;
    },
  };
}

function lines(output: NodeJS.WriteStream, now: () => number): Progress {
  let last = '';
  let lastAtMs = Number.NEGATIVE_INFINITY;
  return {
    show(label, done, total) {
      const line = `${label}: ${done} of ${total} parts\n`;
      if (line === last || now() - lastAtMs < LINE_EVERY_MS) return;
      output.write(line);
      last = line;
      lastAtMs = now();
    },
    end: () => undefined,
  };
}
