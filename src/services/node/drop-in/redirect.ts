// Who asks for Node's net or dgram gets ours: by require, by import, by process.getBuiltinModule, with `node:` and without.
// Node's own libraries hold the real ones; clients.ts and servers.ts bring those over.

import Module from 'node:module';

/** A module of ours in place of one of Node's. */
export interface Replacement {
  readonly name: 'net' | 'dgram';
  /** What `require` gives. */
  readonly module: object;
  /** The file of ours that exports the same, for `import`. */
  readonly url: string;
}

type Load = (this: unknown, request: unknown, ...rest: unknown[]) => unknown;
type Resolve = (specifier: string, context: { parentURL?: string }, next: (...args: unknown[]) => unknown) => unknown;

/** What Node's declarations do not tell of its module loader. */
interface Loader {
  _load: Load;
  register(specifier: string): void;
  /** Since Node 22.15. */
  registerHooks?(hooks: { resolve: Resolve }): void;
}

/** @param home  the folder of our own files, as a URL: they mean the real ones */
export function redirect(replacements: readonly Replacement[], home: string): void {
  const byName = new Map<unknown, Replacement>(replacements.flatMap((each) => [[each.name, each], [`node:${each.name}`, each]]));
  const loader = Module as unknown as Loader;

  const load = loader._load;
  loader._load = function _load(request, ...rest) {
    return byName.get(request)?.module ?? Reflect.apply(load, this, [request, ...rest]);
  };

  // Since Node 20.16.
  const builtin = process as { getBuiltinModule?: (this: void, id: string) => unknown };
  const { getBuiltinModule } = builtin;
  if (getBuiltinModule !== undefined) builtin.getBuiltinModule = (id) => byName.get(id)?.module ?? getBuiltinModule(id);

  const urls = Object.fromEntries([...byName].map(([name, { url }]) => [String(name), url]));
  if (typeof loader.registerHooks === 'function') {
    loader.registerHooks({
      resolve(specifier, context, next) {
        const url = isOurs(context.parentURL, home) ? undefined : urls[specifier];
        return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
      },
    });
  } else {
    loader.register(hooksFor(urls, home));
  }
}

const isOurs = (parent: string | undefined, home: string): boolean => parent?.startsWith(home) === true;

/** Older loaders run in a thread of their own: the same hook as a module in a URL. */
function hooksFor(urls: Record<string, string>, home: string): string {
  const source = `const urls = ${JSON.stringify(urls)};
    export async function resolve(specifier, context, next) {
      const url = context.parentURL?.startsWith(${JSON.stringify(home)}) ? undefined : urls[specifier];
      return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
    }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
