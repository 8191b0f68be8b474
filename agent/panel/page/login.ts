/** Log in with the cloud's own users. */
import { useState } from 'preact/hooks';
import { html } from './html.ts';
import { Problem } from './parts.ts';
import { logIn, type Session } from './session.ts';

export const Login = ({ entered }: { readonly entered: (session: Session) => void }) => {
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const field = (name: string): string => String(form.get(name) ?? '');
    setBusy(true);
    try {
      entered(await logIn(field('user'), field('domain'), field('password')));
    } catch (failure) {
      setError(failure as Error);
      setBusy(false);
    }
  };
  return html`<main class="login">
    <h1><img src="/panel/page/icon.svg" alt="" width="40" height="40" /> shoal</h1>
    <form onSubmit=${submit}>
      <label>User <input name="user" autocomplete="username" required autofocus /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      <label>Domain <input name="domain" value="Default" required /></label>
      <${Problem} error=${error} />
      <button disabled=${busy}>Log in</button>
    </form>
  </main>`;
};
