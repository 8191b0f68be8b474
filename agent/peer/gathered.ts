/**
 * Noise that encrypts and sends once a turn of the event loop.
 *
 * yamux answers every piece of data with a window update, and noise writes the length, the text and the tag of every
 * frame by themselves: a request that fits one packet cost up to nine system calls and three encryptions on both
 * sides together. Here all frames of a turn are one noise message (of up to 64 KiB) and one `writev`.
 *
 * And window updates wait for company: a stream's window is 256 KiB or more, so while less than a quarter of that is
 * owed, over all streams, nobody is held up, and they go with whatever is sent next. An idle host's packets are half
 * as many, and wake half as many others.
 */
import { Socket } from 'node:net';
import type { NoiseComponents, NoiseExtensions } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { heldBytesMax, owedBytesMax } from './limits.ts';

const yamuxHeadBytes = 12;

type Encrypter = ConnectionEncrypter<NoiseExtensions>;

/** The socket below, where there is one. */
const socketOf = (raw: MessageStream): Socket | undefined =>
  'socket' in raw && raw.socket instanceof Socket ? raw.socket : undefined;

/**
 * The bytes by which a frame of yamux opens the other side's window, 0 for any other frame, and for those that say more
 * than that by their flags: version 0, type 1, flags 0, stream, length. Nothing else of libp2p begins with a zero.
 */
const windowUpdateOf = (data: Uint8Array | Uint8ArrayList): number =>
  data.byteLength === yamuxHeadBytes &&
  data instanceof Uint8Array &&
  data[0] === 0 &&
  data[1] === 1 &&
  data[2] === 0 &&
  data[3] === 0
    ? new DataView(data.buffer, data.byteOffset).getUint32(8)
    : 0;

/** From now on `send` gathers. What is refused is refused as before: by the return value and by `drain`. */
const gather = (secured: MessageStream, raw: MessageStream): void => {
  const send = secured.send.bind(secured);
  const close = secured.close.bind(secured);
  const socket = socketOf(raw);
  let gathered = new Uint8ArrayList();
  let isScheduled = false;
  /** What the other side may send again and was not told. */
  let owedBytes = 0;

  const flush = (): void => {
    const frames = gathered;
    gathered = new Uint8ArrayList();
    isScheduled = false;
    owedBytes = 0;
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
    gathered.append(data);
    const opensBytes = windowUpdateOf(data);
    owedBytes += opensBytes;
    const canWait = opensBytes > 0 && owedBytes < owedBytesMax && gathered.byteLength < heldBytesMax;
    if (!isScheduled && !canWait) {
      isScheduled = true;
      setImmediate(flush);
    }
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
