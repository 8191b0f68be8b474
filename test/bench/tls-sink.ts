/** The other end of the TLS measurement, a process of its own: takes bytes, answers one byte when a connection ends. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { certificateOf } from '../../agent/peer/certificate.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';

const key = await openHostKey(process.argv[2] ?? '');
const server = createServer(
  {
    key: key.privateKey.export({ format: 'pem', type: 'pkcs8' }),
    cert: certificateOf(key),
    minVersion: 'TLSv1.3',
    allowHalfOpen: true,
  },
  (socket) => socket.on('end', () => socket.end('.')).resume(),
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log((server.address() as AddressInfo).port);
// The parent's end is this process's end.
process.stdin.on('end', () => process.exit(0)).resume();
