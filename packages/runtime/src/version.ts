import packageJson from '../package.json' with { type: 'json' };

/** The release, for example `0.1.0`. */
export const VERSION: string = packageJson.version;
