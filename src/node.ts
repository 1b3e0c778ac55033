// The door for programs on Node: devices of the operating system, and what Node's own modules can use.

export * from './index.js';
export { portDevice, streamDevice, type StreamDevice, type StreamOptions } from './link/node/stream.js';
export { openTun, type TunDevice, type TunOptions } from './link/node/tun.js';
export { type HttpService, serveHttp } from './services/node/http.js';
export { TcpDuplex } from './socket-api/node/duplex.js';
