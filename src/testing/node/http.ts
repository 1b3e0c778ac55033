// Node's own http on a host of a network: servers that listen there, agents that connect from there. What http times by
// itself, by Node's clock and not a stack's, goes by the network's here: `requestTimeout`, `headersTimeout`, the `Date`.

import http from 'node:http';
import type net from 'node:net';

import type { Network } from '../network.js';
import type { Host } from '../network-node.js';
import { netOf } from './faces.js';
import { RequestClock } from './request-clock.js';

/** Of `node:http`, what has to do with a network. */
export interface HttpFace {
  readonly Agent: typeof http.Agent;
  readonly Server: typeof http.Server;
  readonly globalAgent: http.Agent;
  createServer(options: http.ServerOptions, listener?: http.RequestListener): http.Server;
  createServer(listener?: http.RequestListener): http.Server;
  readonly request: typeof http.request;
  readonly get: typeof http.get;
}

const faces = new WeakMap<Host, HttpFace>();

/** Node's http on `host`: always the same for the same host. */
export function httpOf(host: Host): HttpFace {
  let face = faces.get(host);
  if (face === undefined) faces.set(host, face = createHttp(host));
  return face;
}

function createHttp(host: Host): HttpFace {
  class Agent extends http.Agent {
    override createConnection(options: http.ClientRequestArgs): net.Socket {
      return netOf(host).connect(options as net.NetConnectOpts);
    }
  }
  const globalAgent: http.Agent = new Agent({ keepAlive: true, timeout: 5000 });
  const Server = serverOn(host);

  /** A place, options, a callback, of which each may be missing. */
  const request = (...args: unknown[]): http.ClientRequest => {
    const at = args.findIndex((arg, i) => i < 2 && typeof arg === 'object' && arg !== null && !(arg instanceof URL));
    const options = at < 0 ? {} : args[at] as http.RequestOptions;
    const whole = { ...options, agent: options.agent ?? globalAgent };
    const call = http.request as (...all: unknown[]) => http.ClientRequest;
    return call(...args.slice(0, at < 0 ? 1 : at), whole, ...args.slice(at < 0 ? 1 : at + 1));
  };
  const get = (...args: unknown[]): http.ClientRequest => {
    const asked = request(...args);
    asked.end();
    return asked;
  };
  return {
    Agent, Server, globalAgent,
    createServer: (...args: [never]) => new Server(...args),
    request, get,
  };
}

/** Node's Server, with one of `net`'s on the host inside, whose connections it is told of as of its own. */
function serverOn(host: Host): typeof http.Server {
  class Server extends http.Server {
    private readonly inner: net.Server;
    private readonly clock: RequestClock;

    constructor(options: http.ServerOptions | http.RequestListener = {}, listener?: http.RequestListener) {
      const [given, answer] = typeof options === 'function' ? [{}, options] : [options, listener];
      // Node's own look at its connections is by a clock that nobody moves: it comes after 24 days.
      super({ ...given, ServerResponse: dated(given.ServerResponse ?? http.ServerResponse, host.network), connectionsCheckingInterval: 2 ** 31 - 1 }, answer);
      const { noDelay = true, keepAlive, keepAliveInitialDelay, highWaterMark } = given as net.ServerOpts;
      this.inner = netOf(host).createServer({ allowHalfOpen: true, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark } as net.ServerOpts);
      const clock = this.clock = new RequestClock(this, host.network, given.connectionsCheckingInterval ?? 30_000);
      this.on('listening', () => clock.listening());
      Object.defineProperty(this, 'listening', { get: () => this.inner.listening, configurable: true });
      this.inner.on('connection', (socket) => {
        this.emit('connection', socket);
        clock.watch(socket);
      });
      for (const event of ['listening', 'close', 'error', 'drop']) this.inner.on(event, (...details: unknown[]) => this.emit(event, ...details));
    }

    override listen(...args: unknown[]): this {
      const callback = args.at(-1);
      if (typeof callback === 'function') this.once('listening', args.pop() as () => void);
      this.inner.listen(...args as Parameters<net.Server['listen']>);
      return this;
    }

    override close(callback?: (error?: Error) => void): this {
      super.close();
      this.clock.close();
      this.inner.close(callback);
      return this;
    }

    /** Node's, which closes what it listens by, asks this whether all is over; it is when the one inside says so. */
    protected _emitCloseIfDrained(): void {}

    override address(): ReturnType<net.Server['address']> {
      return this.inner.address();
    }

    override getConnections(callback: (error: Error | null, count: number) => void): this {
      this.inner.getConnections(callback);
      return this;
    }

    override ref(): this {
      return this;
    }

    override unref(): this {
      return this;
    }
  }
  return Server;
}

/** Responses that tell the network's date, as of 1970 where its time is virtual: Node reads its own clock. */
function dated<T extends typeof http.ServerResponse>(Response: T, network: Network): T {
  return class extends (Response as typeof http.ServerResponse) {
    override writeHead(...args: [number, ...never[]]): this {
      if (this.sendDate && !this.hasHeader('date')) this.setHeader('Date', dateOf(network).toUTCString());
      return super.writeHead(...args);
    }
  } as T;
}

/** The program's own, where it is faked. */
const dateOf = (network: Network): Date => (network.isVirtual && Date === realDate ? new Date(network.present()) : new Date());
const realDate = Date;
