import {
  execute,
  GraphQLError,
  type GraphQLSchema,
  MaxIntrospectionDepthRule,
  NoSchemaIntrospectionCustomRule,
  parse,
  validate,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Reply } from '../../server/exchange.ts';
import { toFailure } from '../../server/failure.ts';
import { exceededLimit, MAX_TOKENS } from './document-limits.ts';
import { toErrorWords } from './encode.ts';
import type { GraphqlRequest } from './request.ts';
import { FIELD_COSTS } from './schema.ts';
import type { TokenCaller } from './tokens.ts';

/** A request that is known to be well formed, and by whom it is. */
export interface GraphqlCall extends TokenCaller {
  readonly graphql: GraphqlRequest;
  /** In which form the answer is wanted. */
  readonly accept: 'application/json' | 'application/graphql-response+json';
}

interface CallContext extends GraphqlCall {
  /** What went wrong without being the caller's fault. An object of its own, because yoga copies the context. */
  readonly outcome: { trouble?: unknown };
}

/** Errors that a document's answer lists at most. */
const MAX_ERRORS = 5;

/** Longest message of an error, in characters. */
const MAX_MESSAGE_CHARS = 300;

/** Any will do: nothing is read from it. */
const ENDPOINT = 'http://localhost/graphql';

/**
 * Executes calls. Throws what a resolver threw when it is no fault of the caller's, so that it is told and logged as on every
 * other route; the fault of a caller is in the answer. `development` opens introspection and suggestions.
 */
export function createGraphqlEngine(options: { schema: GraphQLSchema; development: boolean }) {
  // Errors are only asked whether they are in here while their request is answered.
  const causes = new WeakMap<object, unknown>();
  const yoga = createYoga<CallContext>({
    schema: options.schema,
    // Everything that reads a request or serves a page is elsewhere or nowhere.
    batching: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    multipart: false,
    maxRequestBodySize: false,
    // Documents are small, and what hostile ones leave behind must not fill memory.
    parserAndValidationCache: false,
    maskedErrors: { maskError: (thrown) => toGraphqlError(thrown, causes) },
    plugins: [parsedRequests, boundedDocuments(options.development), troubles(causes)],
  });
  return async (call: GraphqlCall): Promise<Reply> => {
    const context: CallContext = { ...call, outcome: {} };
    const request = new Request(ENDPOINT, { method: 'POST', headers: { accept: call.accept } });
    const response = await yoga.fetch(request, context);
    if (context.outcome.trouble !== undefined) throw context.outcome.trouble;
    return {
      status: response.status,
      body: await response.text(),
      headers: ['content-type', response.headers.get('content-type') ?? 'application/json'],
    };
  };
}

/** Takes the request that was read by this dialect's own rules, and none of the other forms that yoga can read. */
const parsedRequests: Plugin<object, CallContext> = {
  onRequestParse({ serverContext, setRequestParser }) {
    const { query, variables, operationName } = serverContext.graphql;
    setRequestParser(() => ({
      query,
      ...(variables == null ? {} : { variables }),
      ...(operationName == null ? {} : { operationName }),
    }));
  },
};

function boundedDocuments(development: boolean): Plugin {
  const hideSuggestions = !development;
  return {
    onParse({ setParseFn }) {
      setParseFn((source, parseOptions) =>
        parse(source, { ...parseOptions, maxTokens: MAX_TOKENS, allowEmptySelectionSets: false }),
      );
    },
    onValidate({ addValidationRule, setValidationFn }) {
      addValidationRule(development ? MaxIntrospectionDepthRule : NoSchemaIntrospectionCustomRule);
      setValidationFn((schema, document, rules) => {
        const exceeded = exceededLimit(document, FIELD_COSTS);
        if (exceeded !== undefined) return [new GraphQLError(exceeded)];
        return validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions });
      });
    },
    onExecute({ setExecuteFn }) {
      setExecuteFn((args) =>
        execute({ ...args, hideSuggestions, options: { maxCoercionErrors: MAX_ERRORS } }),
      );
    },
  };
}

/** Hands over what must be thrown, and makes the rest fit to be seen. */
function troubles(causes: WeakMap<object, unknown>): Plugin<object, CallContext> {
  return {
    onResultProcess({ result, serverContext, setResult }) {
      if (!('errors' in result) || result.errors === undefined) return;
      for (const error of result.errors) serverContext.outcome.trouble ??= causes.get(error);
      setResult({ ...result, errors: result.errors.map(presentable) });
    },
  };
}

/** An error as the caller may see it. */
function toGraphqlError(thrown: unknown, causes: WeakMap<object, unknown>): GraphQLError {
  const located = thrown instanceof GraphQLError ? thrown : undefined;
  const cause = located ? deepestCause(located) : thrown;
  // Made by graphql itself, or by yoga, of the document.
  if (located && cause === undefined) return located;
  const failure = toFailure(cause);
  const { message, extensions } = toErrorWords(failure);
  const error = new GraphQLError(message, {
    extensions: { ...extensions },
    ...(located ? { nodes: located.nodes, path: located.path } : {}),
  });
  if (failure.kind === 'internal' || failure.kind === 'unavailable') causes.set(error, cause);
  return error;
}

/** What a resolver threw; undefined for an error of graphql's own. */
function deepestCause(error: GraphQLError): unknown {
  const { originalError } = error;
  return originalError instanceof GraphQLError ? deepestCause(originalError) : originalError;
}

/** Graphql refuses values without a code, and repeats names and values however long they are. */
function presentable(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error;
  if (extensions['code'] !== undefined && message.length <= MAX_MESSAGE_CHARS) return error;
  return new GraphQLError(message.slice(0, MAX_MESSAGE_CHARS), {
    nodes,
    source,
    positions,
    path,
    extensions: { code: 'BAD_USER_INPUT', ...extensions },
  });
}
