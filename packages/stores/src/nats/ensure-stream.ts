import { type JetStreamManager, NatsError, type StreamConfig } from 'nats';

const STREAM_NOT_FOUND = 10059;

/** Makes a stream, or brings its settings up to date. */
export async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  try {
    await manager.streams.info(config.name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== STREAM_NOT_FOUND) throw error;
    await manager.streams.add(config);
    return;
  }
  await manager.streams.update(config.name, config);
}
