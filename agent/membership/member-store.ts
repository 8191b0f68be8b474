/**
 * What membership remembers over a restart: the own incarnation, so that the next life counts as a new one, and
 * the cards of others, so that it knows whom to look for and operators see names, not keys. States are not
 * remembered: they are old news by then.
 */
import { codec } from '../../proto/codec.ts';
import { hasCode } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { CardRecord } from '../../proto/message/membership.ts';
import type { Log } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { sub } from '../store/namespace.ts';

const lifeCodec = codec<{ readonly incarnation: number }>('incarnation');
const cardCodec = codec<CardRecord>('member card');
const utf8 = new TextEncoder();
const lifeKey = utf8.encode('life');
const cardKey = (host: string): Uint8Array => utf8.encode(`card/${host}`);

export const memberStore = (keyValue: KeyValue, log: Log) => {
  const store = sub(keyValue, 'membership');
  /** Losing one of these writes costs a refutation or a question, so nobody waits for them. */
  const write = (work: Parameters<KeyValue['transact']>[0]): void => {
    store.transact(work).catch((error) => log.warn('membership not written', { error: String(error) }));
  };

  return {
    /** One more than in the life before, on disk before it resolves. */
    async beginLife(): Promise<number> {
      return store.transact((writer) => {
        const bytes = writer.get(lifeKey);
        const incarnation = (bytes ? lifeCodec.decode(bytes).incarnation : 0) + 1;
        writer.put(lifeKey, lifeCodec.encode({ incarnation }));
        return incarnation;
      });
    },
    raiseLife: (incarnation: number): void =>
      write((writer) => writer.put(lifeKey, lifeCodec.encode({ incarnation }))),

    /** Damaged ones are left out: the host will tell its card again. */
    cards(): readonly CardRecord[] {
      const records: CardRecord[] = [];
      for (const { value } of store.range({ from: utf8.encode('card/'), to: utf8.encode('card0') }))
        try {
          records.push(cardCodec.decode(value));
        } catch (error) {
          if (!hasCode(error, 'DAMAGED')) throw error;
          log.warn('member card unreadable', { error: String(error) });
        }
      return records;
    },
    putCard: (record: CardRecord): void =>
      write((writer) => writer.put(cardKey(record.host), cardCodec.encode(record))),
    deleteCard: (host: HostId): void => write((writer) => writer.delete(cardKey(host))),
  };
};
