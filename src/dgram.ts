// The door for what imports `node:dgram`: the same module, on the default stack. It may be imported or required.

import { createDgram } from './socket-api/node/dgram.js';
import { defaultStack } from './socket-api/node/default-stack.js';

const dgram = createDgram(defaultStack());

export default dgram;
// What `require` gives: the module object itself, which programs may patch as they do Node's.
export { dgram as 'module.exports' };

export const { createSocket, Socket } = dgram;
