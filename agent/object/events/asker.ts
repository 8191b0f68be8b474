import type { Principal } from '../../http/port.ts';

/** Who asks for a change, as those are told who hear of it. */
export interface Asker {
  readonly userId: string | null;
  readonly address: string;
  readonly requestId: string;
}

export const askerOf = ({
  principal,
  remoteAddress: address,
  requestId,
}: {
  readonly principal?: Principal | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
}): Asker => ({ userId: principal?.user.id ?? null, address, requestId });
