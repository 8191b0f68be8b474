/**
 * The same content kept in another way, under another user: what its chunks hold is read, verified, and put again as
 * it lies there, packed and encrypted as it was. The old user's chunks stand until its caller releases them.
 *
 *     debt (new user) --> get, as it is kept --> put the other way, with a reference --> forgiven, where nothing is claimed
 */
import type { ChunkId } from '../../proto/ids.ts';
import type { Code } from '../../proto/policy.ts';
import { mapLimit } from '../base/map-limit.ts';
import { chunkIdOf } from './chunk-name.ts';
import type { Kept } from './keepers.ts';
import { isPieceKeptAs } from './kept-as.ts';
import { rekeepInFlightMax } from './limits.ts';
import type { Claim, Content, ContentStore, Piece } from './port.ts';
import { stripeIdOf } from './stripe/name.ts';
import type { Throttle } from './throttle.ts';

export const rekeep = ({
  copies,
  stripes,
  throttle,
}: {
  readonly copies: Kept;
  readonly stripes: Kept;
  /** Of bytes. */
  readonly throttle: Throttle;
}): ContentStore['rekeep'] => {
  const kinds = [copies, stripes];
  const keptAs = ({ isStripe }: Pick<Piece, 'isStripe'>): Kept => (isStripe ? stripes : copies);

  const refer = async (
    { debts, references }: Kept,
    id: ChunkId,
    length: number,
    user: string,
    claim: Claim | undefined,
  ): Promise<void> => {
    await debts.add(user, [id], claim);
    await references.add([{ id, length }], user, claim);
  };

  const move = async (
    piece: Piece,
    user: string,
    code: Code | undefined,
    signal: AbortSignal,
    claim: Claim | undefined,
  ): Promise<Piece> => {
    const length = piece.zstdBytes ?? piece.length;
    if (isPieceKeptAs(piece, code)) {
      await refer(keptAs(piece), piece.id, length, user, claim);
      return piece;
    }
    await throttle.take(length, signal);
    const bytes = await keptAs(piece).get.anywhere(piece.id, signal);
    const to = code ? stripes : copies;
    const id = code ? stripeIdOf(bytes, code) : chunkIdOf(bytes);
    const referring = refer(to, id, bytes.length, user, claim);
    await Promise.all([to.put(id, bytes, signal, referring, () => {}), referring]);
    const { isStripe: _was, ...rest } = piece;
    return { ...rest, id, ...(code && { isStripe: true as const }) };
  };

  return async (content, user, code, signal, claim): Promise<Content> => {
    if (content.kind === 'inline') return content;
    for (const { debts } of kinds) debts.hold(user);
    try {
      const chunks = await mapLimit(
        content.chunks,
        rekeepInFlightMax,
        (piece, _, stop) => move(piece, user, code, stop, claim),
        signal,
      );
      if (!claim) for (const { debts } of kinds) await debts.forgive(user);
      return { kind: 'chunks', chunks };
    } catch (thrown) {
      // What cannot be given back now is a debt, and is given back later.
      for (const { debts } of kinds) await debts.pay(user).catch(() => {});
      throw thrown;
    } finally {
      for (const { debts } of kinds) debts.letGo(user);
    }
  };
};
