// The ingest writer as the bench starts it: the service itself, which here also ends when the bench does.

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
await import('../../../services/ingest/src/main.ts');
