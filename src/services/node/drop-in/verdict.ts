// What cannot go on says so in one sentence, and ends the process: never would it fall back to the kernel's sockets.

import { NetError } from '../../../errors.js';
import { ConfigurationError } from '../../../socket-api/node/configuration.js';

/** <sysexits.h>: for whoever runs us. */
export const EXIT = { usage: 64, unavailable: 69, noPermission: 77, configuration: 78 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigurationError) return EXIT.configuration;
  // Of an address, a gateway, a name that makes no sense.
  if (!(error instanceof NetError)) return EXIT.configuration;
  return error.code === 'EPERM' || error.code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable;
}

export function endWith(error: Error): never {
  process.stderr.write(`wallsocket: ${error.message}\n`);
  process.exit(exitCodeOf(error));
}
