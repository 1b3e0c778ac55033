// A certificate for `localhost`, made anew by openssl for each run, so that no key is kept anywhere.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Skip } from './harness.mjs';

let made = null;

/** @returns { key, cert }, PEM */
export function certificate() {
  return made ??= make();
}

function make() {
  const folder = mkdtempSync(join(tmpdir(), 'wallsocket-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '1',
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
    ], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch (error) {
    if (error.code === 'ENOENT') throw new Skip('openssl is missing');
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
