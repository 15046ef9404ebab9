import type { Api } from '../request/api.ts';
import { analytics } from './analytics/routes.ts';
import { chatbotDialect } from './chatbot/routes.ts';
import { cloudEventsDialect } from './cloudevents/routes.ts';
import { email } from './email/routes.ts';
import { eventsRoute } from './events-route/routes.ts';
import { externalEventDialect } from './external-event/routes.ts';
import { nativeDialect } from './native/routes.ts';

/** Every API that takes events. A new one is a folder beside these and a line here. */
export const dialects: readonly Api[] = [
  eventsRoute,
  analytics,
  externalEventDialect,
  email,
  cloudEventsDialect,
  chatbotDialect,
  nativeDialect,
];
