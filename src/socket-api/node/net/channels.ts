// Where Node tells diagnostics tools of new sockets: the same channels.

import { channel } from 'node:diagnostics_channel';

export const clientSocketChannel = channel('net.client.socket');
export const serverSocketChannel = channel('net.server.socket');
