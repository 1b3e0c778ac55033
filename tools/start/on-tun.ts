// The main job on a real device.

import { openTun } from '../../src/link/node/tun.js';
import type { StartOptions } from '../start.js';
import { KERNEL, OURS, serveOn, TX_QUEUE } from './host.js';
import { isInside } from './namespace.js';
import { showStatus } from './status-line.js';

export async function runOnTun(options: StartOptions): Promise<number> {
  const device = openTun({
    medium: options.tap === true ? 'ethernet' : 'ip', addresses: [`${KERNEL.v4}/24`, `${KERNEL.v6}/64`], txQueueLength: TX_QUEUE,
    ...(options.name !== undefined && { name: options.name }),
  });
  let leave = (_code: number): void => {};
  const left = new Promise<number>((resolve) => {
    leave = resolve;
  });
  const host = serveOn(device, {
    ...(options.pcap !== undefined && { pcap: options.pcap }),
    onLost: (error) => {
      console.error(`\n${error.message}`);
      leave(1);
    },
  });
  console.log(guide(device.name));
  const stop = showStatus(host.stack);
  process.once('SIGINT', () => leave(0));
  process.once('SIGTERM', () => leave(0));
  if (options.seconds !== undefined) setTimeout(() => leave(0), Number(options.seconds) * 1000);
  const code = await left;
  stop();
  await host.close();
  return code;
}

function guide(name: string): string {
  // From another terminal a namespace has to be entered first.
  const enter = isInside() ? `nsenter -t ${process.pid} -U -n --preserve-credentials ` : '';
  const lines: [string, string][] = [
    [`ping ${OURS.v4}`, 'and ping ' + OURS.v6],
    [`curl http://${OURS.v4}/hello`, 'or a browser: counters and connections, live'],
    [`curl -g -o /dev/null http://[${OURS.v6}]/bytes/1000000000`, 'a gigabyte'],
    [`nc ${OURS.v4} 7`, 'echo; -u for UDP; 9 discard, 13 daytime, 19 chargen'],
    [`iperf -c ${OURS.v4}`, 'iperf 2, into the sink on 5001'],
    [`nc ${OURS.v4} 5002 > /dev/null`, 'the endless source'],
  ];
  const width = Math.max(...lines.map(([command]) => command.length)) + enter.length;
  return [
    `wallsocket is at ${OURS.v4} and ${OURS.v6}, on ${name}. In another terminal:`, '',
    ...lines.map(([command, what]) => `  ${(enter + command).padEnd(width)}   # ${what}`), '', 'Ctrl-C ends it.', '',
  ].join('\n');
}
