import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { build } from 'esbuild';
import type { PageReport, PageTask } from './page.ts';

/** A site with the one page, on loopback. */
export interface Site {
  /** For `CORS_ORIGINS`. */
  readonly origin: string;
  /**
   * Opens the page in a browser of its own; resolves with what the page found. The page stays open until the site closes:
   * a beacon may leave the browser after the page has told of it.
   */
  open(task: PageTask): Promise<PageReport>;
  /** Ends the browsers too. */
  close(): Promise<void>;
}

/** Longest that a browser may take, its start included; a busy machine needs a good part of it. */
const REPORT_TIMEOUT_MS = 120_000;
const SHOWN_OF_LOG = 2_000;

/** Serves the page on a port of its own, which makes it another origin than the API. */
export async function serveSite(): Promise<Site> {
  const script = await bundlePage();
  let task: PageTask | undefined;
  let report = Promise.withResolvers<PageReport>();
  const browsers: Browser[] = [];
  const server = createServer((request, response) => {
    switch (request.url) {
      case '/':
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end('<!doctype html><title>Page</title><script type="module" src="/page.js"></script>');
        return;
      case '/page.js':
        response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script);
        return;
      case '/task':
        response.setHeader('content-type', 'application/json').end(JSON.stringify(task));
        return;
      case '/report':
        // The page is ours, and the test looks at every member.
        json(request).then((body) => report.resolve(body as PageReport), report.reject);
        response.end();
        return;
      default:
        response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // The address of a TCP socket is never the string of a pipe.
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    async open(next) {
      task = next;
      report = Promise.withResolvers();
      const browser = await startBrowser(`${origin}/`);
      browsers.push(browser);
      return Promise.race([report.promise, browser.failed]);
    },
    async close() {
      await Promise.all(browsers.map((browser) => browser.close()));
      server.close();
      server.closeAllConnections();
    },
  };
}

async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

interface Browser {
  /** Rejects when it ends by itself or takes too long. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

async function startBrowser(url: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'millrace-browser-'));
  const child = spawn(
    'chromium',
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...[
        '--no-first-run',
        '--no-proxy-server',
        '--disable-background-networking',
        '--enable-logging=stderr',
      ],
      `--user-data-dir=${profile}`,
      url,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-SHOWN_OF_LOG);
  });
  const failed = Promise.withResolvers<never>();
  const fail = (what: string, cause?: unknown) => failed.reject(new Error(`${what}\n${log}`, { cause }));
  child.on('error', (cause) =>
    fail('chromium does not run; get it with: apt-get install -y chromium', cause),
  );
  child.on('exit', (code, signal) => fail(`chromium ended with ${signal ?? code} before the page was done`));
  const timer = setTimeout(() => fail(`the page was not done in ${REPORT_TIMEOUT_MS} ms`), REPORT_TIMEOUT_MS);
  // Whoever has the report no longer waits for it.
  failed.promise.catch(() => undefined);
  return {
    failed: failed.promise,
    async close() {
      clearTimeout(timer);
      process.off('exit', killWithUs);
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
