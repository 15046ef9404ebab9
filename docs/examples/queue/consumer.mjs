// Takes events from a queue, `{"kind":"nats","queue":"…"}`: each until it is acknowledged, by one of however many run this.
import { AckPolicy, connect } from 'nats';

const { NATS_URL, NATS_USER: user, NATS_PASSWORD: pass, WORKSPACE, QUEUE } = process.env;
const connection = await connect({ servers: NATS_URL, user, pass });
const name = `consumers-of-${QUEUE}`;
await (await connection.jetstreamManager()).consumers.add('DELIVERIES', {
  durable_name: name,
  filter_subject: `deliveries.${WORKSPACE}.${QUEUE}`,
  ack_policy: AckPolicy.Explicit,
});
const consumer = await connection.jetstream().consumers.get('DELIVERIES', name);
for await (const message of await consumer.consume()) {
  const { event, data } = message.json();
  process.stdout.write(`${message.headers.get('webhook-id')} ${event} ${JSON.stringify(data)}\n`);
  message.ack();
}
