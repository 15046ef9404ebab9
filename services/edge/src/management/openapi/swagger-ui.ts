import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** A file of the documentation page. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

/** The only files of swagger-ui-dist that the page needs, with their types. */
const PACKAGE_FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

/** A script of its own, because the page's policy forbids scripts within it. */
const START_SCRIPT = `'use strict';
const { spec } = document.currentScript.dataset;
SwaggerUIBundle({
  url: new URL(spec, location.href).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
});
`;

/** What the page may load: its own files, and the images that the style sheet carries within itself. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // Swagger UI sets styles on its elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Reads assets when first asked for and keeps them. */
export function createAssets(): (name: string) => Promise<Asset | undefined> {
  const locate = createRequire(import.meta.url);
  const kept = new Map<string, Promise<Asset>>();
  return async (name) => {
    if (name === 'start.js') return { type: 'text/javascript; charset=utf-8', text: START_SCRIPT };
    const type = Object.hasOwn(PACKAGE_FILES, name) ? PACKAGE_FILES[name] : undefined;
    if (type === undefined) return undefined;
    const known = kept.get(name);
    if (known) return known;
    const read = readFile(locate.resolve(`swagger-ui-dist/${name}`), 'utf8').then((text) => ({ type, text }));
    kept.set(name, read);
    // A read that failed is tried again by the next request.
    read.catch(() => kept.delete(name));
    return read;
  };
}

/** The page, for the path `/docs` or, with `isFolder`, `/docs/`. */
export function renderPage(isFolder: boolean): string {
  const files = isFolder ? '.' : './docs';
  const spec = isFolder ? '../openapi.json' : './openapi.json';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${files}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${files}/swagger-ui-bundle.js"></script>
<script src="${files}/start.js" data-spec="${spec}"></script>
</body>
</html>
`;
}
