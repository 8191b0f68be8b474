/**
 * Noise that encrypts and sends once a turn of the event loop.
 *
 * yamux answers every piece of data with a window update, and noise writes the length, the text and the tag of every
 * frame by themselves: a request that fits one packet cost up to nine system calls and three encryptions on both
 * sides together. Here all frames of a turn are one noise message (of up to 64 KiB) and one `writev`.
 */
import { Socket } from 'node:net';
import type { NoiseComponents, NoiseExtensions } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';

type Encrypter = ConnectionEncrypter<NoiseExtensions>;

/** The socket below, where there is one. */
const socketOf = (raw: MessageStream): Socket | undefined =>
  'socket' in raw && raw.socket instanceof Socket ? raw.socket : undefined;

/** From now on `send` gathers. What is refused is refused as before: by the return value and by `drain`. */
const gather = (secured: MessageStream, raw: MessageStream): void => {
  const send = secured.send.bind(secured);
  const close = secured.close.bind(secured);
  const socket = socketOf(raw);
  let gathered = new Uint8ArrayList();

  const flush = (): void => {
    const frames = gathered;
    gathered = new Uint8ArrayList();
    // A connection that ended meanwhile takes nothing.
    if (frames.byteLength === 0 || secured.status !== 'open') return;
    socket?.cork();
    try {
      send(frames.subarray());
    } catch {
      // It has aborted itself, and everybody was told.
    } finally {
      socket?.uncork();
    }
  };

  secured.send = (data) => {
    if (secured.status !== 'open') return send(data);
    if (gathered.byteLength === 0) setImmediate(flush);
    gathered.append(data);
    return !secured.writableNeedsDrain;
  };
  secured.close = (options) => {
    flush();
    return close(options);
  };
};

export const gathered =
  (make: (components: NoiseComponents) => Encrypter) =>
  (components: NoiseComponents): Encrypter => {
    const encrypter = make(components);
    const both =
      (secure: Encrypter['secureInbound']): Encrypter['secureInbound'] =>
      async (raw, options) => {
        const secured = await secure.call(encrypter, raw, options);
        gather(secured.connection, raw);
        return secured;
      };
    return {
      protocol: encrypter.protocol,
      secureInbound: both(encrypter.secureInbound),
      secureOutbound: both(encrypter.secureOutbound),
    };
  };
