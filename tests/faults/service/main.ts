import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { moduleSwaps } from './module-swaps.ts';

// Runs a service's own main with some of its modules replaced: failpoints always, and one planted bug where a mutant
// is asked for. The shipped code has no switch for either.
const main = process.env['MILLRACE_FAULT_MAIN'];
if (main === undefined) throw new Error('MILLRACE_FAULT_MAIN must name the module to run');

const swaps = moduleSwaps(process.env['MILLRACE_FAULT_MUTANT']);
registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const chain = swaps.get(resolved.url);
    if (chain === undefined) return resolved;
    // A replacement imports what it replaces: it gets the next of the chain, the last one gets the original.
    const next = chain[chain.indexOf(context.parentURL ?? '') + 1];
    return next === undefined ? resolved : { ...resolved, url: next };
  },
});
await import(pathToFileURL(main).href);
