// What differs from one version of Node to the next: ours follows the one that runs it.

import { Socket } from 'node:net';

const major = Number(process.versions.node.split('.')[0]);

/** A `maxConnections` of 0 lets nobody in. Before, it was no limit. */
export const ZERO_IS_A_LIMIT = major >= 21;
/** A host that is no string, or has null bytes in it, is refused by `connect` itself. Before, `dns.lookup` had to. */
export const CHECKS_HOST = major >= 22;
/** Writes that are under way when a socket is destroyed fail with what the system says of them. Before, with nothing of their own. */
export const TELLS_OF_CANCELED_WRITES = major >= 22;
/** `setKeepAlive` takes its settings as an object, too, and remembers interval and count before there is a connection (24.17, 26.4). */
export const KEEP_ALIVE_TAKES_OPTIONS = Socket.prototype.setKeepAlive.length > 2;
