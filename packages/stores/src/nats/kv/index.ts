export type { WriteOutcome } from './bucket.ts';
export type { RecordChange, Versioned } from './record-table.ts';
export { openRecords, type Records } from './records.ts';
