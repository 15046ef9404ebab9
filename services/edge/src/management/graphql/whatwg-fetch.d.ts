/**
 * Stands for the types of `@whatwg-node/fetch`, which would make every type of a browser global to the whole program.
 * Node has these globals itself.
 */
export declare const fetch: typeof globalThis.fetch;
export declare const Request: typeof globalThis.Request;
export declare const Response: typeof globalThis.Response;
export declare const Headers: typeof globalThis.Headers;
export declare const FormData: typeof globalThis.FormData;
export declare const URL: typeof globalThis.URL;
export declare const URLSearchParams: typeof globalThis.URLSearchParams;
export declare const TextEncoder: typeof globalThis.TextEncoder;
export declare const TextDecoder: typeof globalThis.TextDecoder;
export declare const ReadableStream: typeof globalThis.ReadableStream;
export declare const crypto: typeof globalThis.crypto;
export declare function createFetch(options: unknown): typeof import('./whatwg-fetch.d.ts');
