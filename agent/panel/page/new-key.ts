/** A public key that new servers let in. It is the user's own, whatever the project. */
import { fieldsOf, useAct } from './act.ts';
import { call } from './call.ts';
import { html } from './html.ts';
import { Problem } from './parts.ts';
import type { Session } from './session.ts';

export const NewKey = ({ session, added }: { readonly session: Session; readonly added: () => void }) => {
  const { error, busy, act } = useAct(added);
  const add = (event: SubmitEvent): void => {
    const field = fieldsOf(event);
    const form = event.currentTarget as HTMLFormElement;
    act(async () => {
      await call(session, 'compute', 'POST', '/v2.1/os-keypairs', {
        json: { keypair: { name: field('keyName'), public_key: field('publicKey') } },
      });
      form.reset();
    });
  };
  return html`<details>
    <summary>Add a key</summary>
    <form class="fields" onSubmit=${add}>
      <label>Key name <input name="keyName" required maxlength="255" autocomplete="off" /></label>
      <label class="wide">Public key <input name="publicKey" required placeholder="ssh-ed25519 AAAA… you@there" autocomplete="off" spellcheck=${false} /></label>
      <button class="quiet" disabled=${busy}>Add key</button>
      <${Problem} error=${error} />
    </form>
  </details>`;
};
