import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import { bindService, callInProcess } from '@millrace/runtime';
import { type DeliveryQuestions, deliveriesBy } from '../src/clients/analytics-deliveries.ts';
import { type WebhookGateway, webhookFrom } from '../src/clients/webhook.ts';

/** The webhook service with only the given handlers; what a test doesn't expect to be called fails. */
export function webhookDouble(
  handlers: Parameters<typeof bindService<typeof WebhookService>>[1] = {},
): WebhookGateway {
  return webhookFrom(callInProcess(WebhookService, bindService(WebhookService, handlers)));
}

/** What was delivered, with only the given handlers. */
export function deliveriesDouble(
  handlers: Parameters<typeof bindService<typeof DeliveryService>>[1] = {},
): DeliveryQuestions {
  return deliveriesBy(callInProcess(DeliveryService, bindService(DeliveryService, handlers)));
}
