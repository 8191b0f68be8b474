/** A new server: an image, a flavor, a key to log in with. Its page then shows how it comes up. */
import { useState } from 'preact/hooks';
import { fieldsOf, useAct } from './act.ts';
import { callJson } from './call.ts';
import type { Flavor } from './compute.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { NewKey } from './new-key.ts';
import { bytes, Problem, Show } from './parts.ts';
import type { Session } from './session.ts';

/** Choices change seldom. */
const everyMs = 15_000;
const MiB = 2 ** 20;

interface Choices {
  readonly images: readonly { readonly id: string; readonly name: string }[];
  readonly flavors: readonly Flavor[];
  readonly keys: readonly string[];
}

const ask = async (session: Session, signal: AbortSignal): Promise<Choices> => {
  const [{ images }, { flavors }, { keypairs }] = await Promise.all([
    callJson<Choices>(session, 'image', 'GET', '/v2/images', { query: { status: 'active' }, signal }),
    callJson<Choices>(session, 'compute', 'GET', '/v2.1/flavors/detail', { signal }),
    callJson<{ keypairs: { keypair: { name: string } }[] }>(session, 'compute', 'GET', '/v2.1/os-keypairs', {
      signal,
    }),
  ]);
  return {
    images,
    flavors: flavors.toSorted((a, b) => a.ram - b.ram),
    keys: keypairs.map(({ keypair }) => keypair.name),
  };
};

const Form = ({ session, choices }: { readonly session: Session; readonly choices: Choices }) => {
  const { error, busy, act } = useAct();
  const create = (event: SubmitEvent): void => {
    const field = fieldsOf(event);
    const server = {
      name: field('name'),
      imageRef: field('image'),
      flavorRef: field('flavor'),
      ...(field('key') && { key_name: field('key') }),
    };
    act(async () => {
      const made = await callJson<{ server: { id: string } }>(session, 'compute', 'POST', '/v2.1/servers', {
        json: { server },
      });
      location.hash = `#/servers/${made.server.id}`;
    });
  };
  return html`<form class="fields" onSubmit=${create}>
    <label>Name <input name="name" required maxlength="255" autocomplete="off" /></label>
    <label>Image <select name="image" required>
      ${choices.images.map(({ id, name }) => html`<option key=${id} value=${id}>${name || id}</option>`)}
    </select></label>
    <label class="wide">Flavor <select name="flavor" required>
      ${choices.flavors.map(({ id, name, vcpus, ram, disk }) => html`<option key=${id} value=${id}>${name}: ${bytes(ram * MiB)}, ${vcpus} vCPU, ${disk} GiB disk</option>`)}
    </select></label>
    <label>Key <select name="key">
      <option value="">none</option>
      ${choices.keys.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select></label>
    <button disabled=${busy}>Create server</button>
    <${Problem} error=${error} />
  </form>`;
};

const Opened = ({ session }: { readonly session: Session }) => {
  const live = useLive((signal) => ask(session, signal), everyMs, [session]);
  return html`<${Show} live=${live}>
    ${(choices: Choices) =>
      choices.images.length === 0
        ? html`<p>A server starts from an image, and there is none yet: <a href="#/images">upload one</a> first.</p>`
        : html`<${Form} session=${session} choices=${choices} /><${NewKey} session=${session} added=${live.again} />`}
  <//>`;
};

export const NewServer = ({ session }: { readonly session: Session }) => {
  const [open, setOpen] = useState(false);
  return html`<details class="card" onToggle=${(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
    <summary>New server</summary>
    ${open && html`<${Opened} session=${session} />`}
  </details>`;
};
