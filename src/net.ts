// The door for what imports `node:net`: the same module, on the default stack. It may be imported or required.

import { createNet } from './socket-api/node/net.js';
import { defaultStack } from './socket-api/node/default-stack.js';

const net = createNet(defaultStack());

export default net;
// What `require` gives: the module object itself, which programs may patch as they do Node's.
export { net as 'module.exports' };

export const {
  BlockList, SocketAddress, Server, Socket, Stream, connect, createConnection, createServer, isIP, isIPv4, isIPv6,
  getDefaultAutoSelectFamily, setDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout, _createServerHandle, _normalizeArgs, _setSimultaneousAccepts,
} = net as typeof net & Record<'Stream' | '_createServerHandle' | '_normalizeArgs' | '_setSimultaneousAccepts', unknown>;
