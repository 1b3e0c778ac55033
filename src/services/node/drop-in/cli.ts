// The command line: options become the configuration that wallsocket/register reads, and the program is started with it.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConfigurationError, readConfiguration } from '../../../socket-api/node/configuration.js';
import { endWith, EXIT } from './verdict.js';

const USAGE = `usage: wallsocket run [options] -- node app.js [arguments]

Runs a Node program on a TCP/IP stack of its own, unchanged.

  --tun NAME        on the TUN device NAME, which is made if it is not there
  --tap NAME        on the TAP device NAME
  --loopback        this host alone, 127.0.0.0/8 and ::1 (the default)
  --addr PREFIX     an address of the program's, as 10.0.0.2/24 or fd00::2/64; may be repeated
  --gateway ADDR    where everything else is; one of each family at most
  --kernel PREFIX   an address of the kernel's, on its end of the device; may be repeated
  --mtu BYTES       largest IP packet
  --dns ADDR        a server to ask for names, by the program's own UDP; may be repeated. Default: the system's resolver
  --config FILE     all of that from a JSON file: {"device": "tun:tun0", "addr": ["10.0.0.2/24"], "gateway": "10.0.0.1"}
  --help            this

Exit status: the program's; 64 for a command line that makes no sense, 78 for such a configuration, 77 without permission,
69 if the device cannot be opened or is lost, 127 if the program is not found.
`;

const OPTIONS = {
  tun: { type: 'string' }, tap: { type: 'string' }, loopback: { type: 'boolean' },
  addr: { type: 'string', multiple: true }, gateway: { type: 'string', multiple: true },
  kernel: { type: 'string', multiple: true }, dns: { type: 'string', multiple: true }, mtu: { type: 'string' }, config: { type: 'string' }, help: { type: 'boolean' },
} as const;

/** @param register  the file to import into the program */
export function runCli(args: readonly string[], register: URL): void {
  const split = args.indexOf('--');
  const [own, program] = split < 0 ? [args, []] : [args.slice(0, split), args.slice(split + 1)];
  if (own.length === 0 && split < 0) usage(null);
  const values = parse(own);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (program.length === 0) usage('what is to be run? Its command line goes behind --.');
  start(program, configurationOf(values), register);
}

function parse(own: readonly string[]): Values {
  try {
    const { values, positionals } = parseArgs({ args: [...own], options: OPTIONS, allowPositionals: true });
    const [command, ...more] = positionals;
    if (values.help !== true && (command !== 'run' || more.length > 0)) {
      usage(command === 'run' ? `'${more[0]}' stands before --, and is no option.` : `'${command ?? ''}' is no command; there is run.`);
    }
    return values;
  } catch (error) {
    // Its advice is about another command line.
    return usage(`${(error as Error).message.split('. ')[0]}.`);
  }
}

interface Values {
  tun?: string;
  tap?: string;
  loopback?: boolean;
  addr?: string[];
  gateway?: string[];
  kernel?: string[];
  mtu?: string;
  dns?: string[];
  config?: string;
  help?: boolean;
}

function usage(problem: string | null): never {
  process.stderr.write(problem === null ? USAGE : `wallsocket: ${problem} See wallsocket --help.\n`);
  process.exit(EXIT.usage);
}

/** @returns  what the variable WALLSOCKET is to say; checked */
function configurationOf(values: Values): string {
  const { config, tun, tap, loopback, addr, gateway, kernel, mtu, dns } = values;
  const rest = Object.fromEntries(Object.entries({ addr, gateway, kernel, mtu, dns }).filter(([, value]) => value !== undefined));
  const devices = [...tun === undefined ? [] : [`tun:${tun}`], ...tap === undefined ? [] : [`tap:${tap}`], ...loopback === true ? ['loopback'] : []];
  const others = [...devices, ...Object.keys(rest)];
  if (config !== undefined && others.length > 0) usage('--config says all there is to say; leave the other options out.');
  if (devices.length > 1) usage(`a program has one of --tun, --tap and --loopback, not ${devices.length}.`);
  const inherited = process.env.WALLSOCKET;
  const text = config ?? (others.length === 0 && inherited !== undefined ? inherited : JSON.stringify({ device: devices[0] ?? 'loopback', ...rest }));
  try {
    // A path that does not look like one.
    if (config !== undefined && !config.includes('/') && !config.endsWith('.json')) return checked(`./${config}`);
    return checked(text);
  } catch (error) {
    if (error instanceof ConfigurationError) endWith(error);
    throw error;
  }
}

function checked(text: string): string {
  readConfiguration(text);
  return text;
}

function start([command = '', ...args]: readonly string[], configuration: string, register: URL): void {
  const env: NodeJS.ProcessEnv = { ...process.env, WALLSOCKET: configuration };
  const isNode = basename(command) === 'node';
  if (!isNode) {
    // npm, npx or a script with `#!`: each Node below it gets our stack, and opens its device when it needs it.
    env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ''} --import=${register.href}`.trim();
    env.WALLSOCKET_LAZY = '1';
  }
  const child = spawn(command === 'node' ? process.execPath : command, isNode ? ['--import', fileURLToPath(register), ...args] : args, { stdio: 'inherit', env });
  child.on('error', (error: NodeJS.ErrnoException) => {
    process.stderr.write(`wallsocket: ${command} cannot be started: ${error.message}\n`);
    process.exit(error.code === 'ENOENT' ? 127 : 126);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
}
