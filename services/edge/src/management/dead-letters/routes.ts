import type { Grant } from '../../clients/credentials.ts';
import type { Api } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, GuardedRoute, Route } from '../../server/route.ts';
import { namingParameters } from '../events/query.ts';
import {
  discardLetter,
  discardLetters,
  editLetter,
  findLetter,
  type LetterCaller,
  listLetters,
  requireReading,
} from './dead-letter-api.ts';
import {
  DISCARD_DOCUMENTATION,
  DISCARD_MANY_DOCUMENTATION,
  EDIT_DOCUMENTATION,
  GET_DOCUMENTATION,
  LIST_DOCUMENTATION,
  REPLAY_DOCUMENTATION,
  REPLAY_MANY_DOCUMENTATION,
} from './documentation.ts';
import {
  discardedMany,
  encodeLetter,
  letterPage,
  replayed,
  replayedMany,
  toItem,
  toReplays,
} from './encode.ts';
import { receiveEdit } from './letter-event.ts';
import { decodeLettersQuery, selectionBody, toSelection } from './query.ts';
import { replayLetter, replayLetters } from './replay.ts';

/** Who may read letters. */
const READ: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:read'] };
/** Who may change them, if they may read them too. */
const CHANGE: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:write'] };

const PATH = '/v1/dead-letters';

/** Accepted events that could not be stored. */
export const deadLettersApi: Api = {
  name: 'dead-letters',
  routes: (deps) => [
    reading(PATH, LIST_DOCUMENTATION, async (exchange, caller) => {
      const asked = listLetters(deps, caller, decodeLettersQuery(exchange.query()));
      const { deadLetters, nextPageToken } = await namingParameters(asked);
      const body = { deadLetters: deadLetters.map(toItem), nextCursor: nextPageToken || null };
      exchange.reply(jsonReply(letterPage, 200, body));
    }),
    reading(`${PATH}/:id`, GET_DOCUMENTATION, async (exchange, caller) => {
      exchange.reply(encodeLetter(await findLetter(deps, caller, idOf(exchange))));
    }),
    changing('PATCH', `${PATH}/:id`, EDIT_DOCUMENTATION, async (exchange, caller) => {
      const edit = await receiveEdit(exchange);
      exchange.reply(encodeLetter(await editLetter(deps, caller, { id: idOf(exchange), edit })));
    }),
    changing('DELETE', `${PATH}/:id`, DISCARD_DOCUMENTATION, async (exchange, caller) => {
      await discardLetter(deps, caller, idOf(exchange));
      exchange.reply({ status: 204, body: '' });
    }),
    changing('POST', `${PATH}/:id/replay`, REPLAY_DOCUMENTATION, async (exchange, caller) => {
      const id = idOf(exchange);
      const { eventId, already } = await replayLetter(deps, caller, id);
      exchange.reply(jsonReply(replayed, 200, { id, eventId, alreadyReplayed: already }));
    }),
    changing('POST', `${PATH}/replay`, REPLAY_MANY_DOCUMENTATION, async (exchange, caller) => {
      const selection = toSelection(await receiveJson(exchange, selectionBody));
      const { outcomes, nextPageToken } = await namingParameters(replayLetters(deps, caller, selection));
      const body = { ...toReplays(outcomes), nextCursor: nextPageToken || null };
      exchange.reply(jsonReply(replayedMany, 200, body));
    }),
    changing('POST', `${PATH}/discard`, DISCARD_MANY_DOCUMENTATION, async (exchange, caller) => {
      const selection = toSelection(await receiveJson(exchange, selectionBody));
      const { ids, nextPageToken } = await namingParameters(discardLetters(deps, caller, selection));
      exchange.reply(jsonReply(discardedMany, 200, { discarded: ids, nextCursor: nextPageToken || null }));
    }),
  ],
};

type Handle = (exchange: Exchange, caller: LetterCaller) => Promise<void>;

function reading(path: string, documentation: Route['documentation'], handle: Handle): GuardedRoute {
  return {
    ...{ method: 'GET', path, access: READ, documentation, encodeFailure: encodeProblem },
    handle: (exchange, grant) => handle(exchange, callerOf(exchange, grant)),
  };
}

function changing(
  method: GuardedRoute['method'],
  path: string,
  documentation: Route['documentation'],
  handle: Handle,
): GuardedRoute {
  return {
    ...{ method, path, access: CHANGE, documentation, encodeFailure: encodeProblem },
    async handle(exchange, grant) {
      requireReading(grant);
      await handle(exchange, callerOf(exchange, grant));
    },
  };
}

function callerOf(exchange: Exchange, grant: Grant): LetterCaller {
  const { requestId, signal } = exchange;
  return { grant, requestId, ipAddress: exchange.clientAddress(), signal };
}

function idOf({ params }: Exchange): string {
  return params['id'] ?? '';
}
