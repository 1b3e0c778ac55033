// The door `wallsocket/register`: `node --import wallsocket/register app.js` runs a program on our stack, unchanged. What
// the environment variable WALLSOCKET says is the stack; what is wrong with it ends the process with one sentence.

import { TLSSocket } from 'node:tls';
import { isMainThread } from 'node:worker_threads';
import dgram from './dgram.js';
import net from './net.js';
import { bringClientsOver } from './services/node/drop-in/clients.js';
import { bringNamesOver } from './services/node/drop-in/names.js';
import { redirect } from './services/node/drop-in/redirect.js';
import { bringServersOver } from './services/node/drop-in/servers.js';
import { teachNames, teachPatience } from './services/node/drop-in/tls.js';
import { endWith } from './services/node/drop-in/verdict.js';
import { ConfigurationError, readConfiguration } from './socket-api/node/configuration.js';
import { defaultStack, openDefaultStack, plan } from './socket-api/node/default-stack.js';

const home = new URL('.', import.meta.url).href;

try {
  plan.configuration = readConfiguration(process.env.WALLSOCKET ?? '');
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  endWith(error);
}
plan.onLost = endWith;
plan.onRefused = endWith;
// A child or a thread may never touch the network, and a device is open in one process only: it opens it when it does.
const isFirst = isMainThread && process.env.NODE_CHANNEL_FD === undefined && process.env.WALLSOCKET_LAZY === undefined;
if (isFirst) openDefaultStack();

redirect([
  { name: 'net', module: net, url: `${home}net.js` },
  { name: 'dgram', module: dgram, url: `${home}dgram.js` },
], home);
teachNames(TLSSocket.prototype, net.Socket);
teachPatience(net.Socket);
bringServersOver(net);
bringClientsOver(net);
const { device } = plan.configuration;
if (device?.nameservers?.length) {
  const after = (ms: number, run: () => void): (() => void) => defaultStack().stack.after(ms, run);
  try {
    bringNamesOver({ net, dgram, after }, device);
  } catch (error) {
    endWith(error as Error);
  }
}
