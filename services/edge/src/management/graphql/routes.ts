import type { Grant } from '../../clients/credentials.ts';
import type { Api, ApiDeps } from '../../request/api.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { GRAPHQL_DOCUMENTATION, RESPONSE_TYPE } from './documentation.ts';
import { encodeGraphqlFailure, graphqlRefusal } from './encode.ts';
import { createGraphqlEngine } from './engine.ts';
import { readGraphqlRequest } from './request.ts';
import { createTokenSchema } from './schema.ts';
import { createTokens } from './tokens.ts';

/** A token can't make tokens: what leaked one could do would outlive its revocation. */
const ACCESS: AccessRule = { places: ['bearer'], anyOf: ['events:write'], caller: 'person' };

/** `POST /graphql`: people make, list and revoke the tokens of external events. */
export const graphqlApi: Api = {
  name: 'graphql',
  unrouted: { prefixes: ['/graphql'], errors: graphqlRefusal, encodeFailure: encodeGraphqlFailure },
  routes: graphqlRoutes,
};

function graphqlRoutes(deps: ApiDeps): readonly Route[] {
  const run = createGraphqlEngine({
    schema: createTokenSchema(createTokens(deps)),
    development: deps.settings.graphqlIntrospection,
  });
  const handle = async (exchange: Exchange, grant: Grant): Promise<void> => {
    const graphql = await readGraphqlRequest(exchange);
    const reply = await run({ exchange, grant, graphql, accept: acceptedType(exchange) });
    // An answer may hold a token, which belongs in no cache.
    exchange.reply({ ...reply, headers: [...(reply.headers ?? []), 'cache-control', 'no-store'] });
  };
  return [
    {
      method: 'POST',
      path: '/graphql',
      access: ACCESS,
      documentation: GRAPHQL_DOCUMENTATION,
      handle,
      encodeFailure: encodeGraphqlFailure,
    },
  ];
}

/** Only whoever names the newer type gets it, and with it HTTP statuses for errors in the document. */
function acceptedType(exchange: Exchange): 'application/json' | typeof RESPONSE_TYPE {
  return exchange.header('accept')?.includes(RESPONSE_TYPE) ? RESPONSE_TYPE : 'application/json';
}
