import { useState } from "react";

import { useAction } from "../forms/action";
import { ConfirmButton } from "../forms/ConfirmButton";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
import { Button } from "../parts/Button";
import { Stack } from "../parts/Stack";
import { Time } from "../parts/Time";
import { AddSshKey, RemoveSshKey, type SshKey } from "./documents";

interface Props {
  keys: readonly SshKey[];
  onChanged: () => void;
}

export function SshKeys({ keys, onChanged }: Props) {
  return (
    <section className="card" aria-labelledby="keys">
      <h2 id="keys">SSH keys</h2>
      {keys.length === 0 && <p className="quiet">None yet. With one, the stock ssh client enters your spaces.</p>}
      <Stack label="SSH keys">
        {keys.map((key) => (
          <KeyRow key={key.id} sshKey={key} onChanged={onChanged} />
        ))}
      </Stack>
      <NewKey onChanged={onChanged} />
    </section>
  );
}

function KeyRow({ sshKey, onChanged }: { sshKey: SshKey; onChanged: () => void }) {
  const { id, name, fingerprint, algorithm, createdAt, lastUsedAt } = sshKey;
  const remove = useAction(RemoveSshKey, (data) => data.removeSshKey);
  return (
    <li>
      <div className="line-up">
        <strong>{name}</strong>
        <span className="grow" />
        <ConfirmButton
          verb="Remove"
          what={`the key ${name}`}
          action={remove}
          variables={{ input: { keyId: id } }}
          onDone={onChanged}
        >
          Nobody gets in with it any more, and what is open by it ends.
        </ConfirmButton>
      </div>
      <p className="hint">
        <code className="breaks">
          {algorithm} {fingerprint}
        </code>
      </p>
      <p className="hint">
        Added <Time at={createdAt} />, {lastUsedAt ? <>last used <Time at={lastUsedAt} /></> : "never used"}
      </p>
    </li>
  );
}

function NewKey({ onChanged }: { onChanged: () => void }) {
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const add = useAction(AddSshKey, (data) => data.addSshKey);
  const submit = async (): Promise<void> => {
    if (!(await add.run({ input: { name, publicKey } }))) return;
    setName(replacing(name, ""));
    setPublicKey(replacing(publicKey, ""));
    onChanged();
  };
  return (
    <Form className="new" onSubmit={submit} aria-label="New SSH key">
      <Field label="Name of the key" value={name} onChange={setName} problem={at(add.problems, "name")} autoComplete="off" />
      <Field
        label="Public key"
        value={publicKey}
        onChange={setPublicKey}
        problem={at(add.problems, "publicKey")}
        hint="One line, as in ~/.ssh/id_ed25519.pub."
        isMultiline
        isCode
      />
      <Problems of={add} shown={[["name"], ["publicKey"]]} />
      <div className="buttons">
        <Button type="submit" isBusy={add.isBusy} isDisabled={name === "" || publicKey === ""}>
          Add key
        </Button>
      </div>
    </Form>
  );
}
