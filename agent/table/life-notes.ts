/**
 * What an owner keeps for those that lost their disks (agent/register/lives.ts): who lives for which time, and for each
 * partition the floor, a ballot that is promised for all of its registers at once.
 */
import { codec } from '../../proto/codec.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Ballot } from '../register/ballot.ts';
import { maxBallot } from '../register/ballot.ts';
import type { Lives } from '../register/lives.ts';
import type { Partition } from '../ring/port.ts';
import type { KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import { afterPrefix, floorKey, livesKey, rowsPrefix } from './keys.ts';
import { acceptorOf, decodeRow } from './row.ts';

const livesCodec = codec<Lives>('table lives');
const floorCodec = codec<Ballot>('table floor');
const nobody: Lives = {};

export const readLives = (reader: KeyValueReader): Lives => {
  const bytes = reader.get(livesKey);
  return bytes ? livesCodec.decode(bytes) : nobody;
};

/** The higher of what is known and what is told. */
export const noteLives = (writer: KeyValueWriter, told: Lives): void => {
  const held = readLives(writer);
  const news = Object.entries(told).filter(([host, life]) => life > (held[host] ?? 0));
  if (news.length > 0) writer.put(livesKey, livesCodec.encode({ ...held, ...Object.fromEntries(news) }));
};
export const noteLife = (writer: KeyValueWriter, host: HostId, life: number): void =>
  noteLives(writer, { [host]: life });

export const readFloor = (reader: KeyValueReader, partition: Partition): Ballot | null => {
  const bytes = reader.get(floorKey(partition));
  return bytes ? floorCodec.decode(bytes) : null;
};
export const raiseFloor = (writer: KeyValueWriter, partition: Partition, ballot: Ballot): void =>
  writer.put(
    floorKey(partition),
    floorCodec.encode(maxBallot(readFloor(writer, partition), ballot) ?? ballot),
  );

/** The highest ballot that was promised for any register of the partition. Reads all its rows: for a rebirth only. */
export const highestPromise = (reader: KeyValueReader, partition: Partition): Ballot | null => {
  const from = rowsPrefix(partition);
  const to = afterPrefix(from);
  let highest = readFloor(reader, partition);
  for (const { value } of reader.range({ from, ...(to && { to }) }))
    highest = maxBallot(highest, acceptorOf(decodeRow(value).state).promised);
  return highest;
};
