/** A register's messages on the wire (agent/register/message.ts); whoever keeps registers adds which one is meant. */
import { Type } from 'typebox';

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Room above: whoever meets the highest must still be able to go higher. */
const Round = Type.Integer({ minimum: 0, maximum: 2 ** 52 });
export const Ballot = Type.Object({ round: Round, host: HostId, run: Count });

const Bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array,
  () => 'is bytes',
);
export const Accepted = Type.Object({
  ballot: Ballot,
  value: Type.Union([Bytes, Type.Null()]),
  lineage: Type.Array(Count, { maxItems: 64 }),
});

export const RegisterRequest = Type.Union([
  Type.Object({ kind: Type.Literal('read') }),
  Type.Object({ kind: Type.Literal('prepare'), ballot: Ballot }),
  Type.Object({
    kind: Type.Literal('accept'),
    accepted: Accepted,
    next: Type.Union([Ballot, Type.Null()]),
  }),
]);
