export { createIngest, type Ingest, type IngestRole } from './app.ts';
export { eventStoreSettings, ingestConfig, ingestSettings, writerSettings } from './config.ts';
export { createWriterMetrics } from './metrics.ts';
export type { Failpoint } from './writer/insert-batch.ts';
export { createWriterRole, type WriterRoleOptions } from './writer/role.ts';
export { createWriter, type Writer, type WriterDeps } from './writer/writer.ts';
