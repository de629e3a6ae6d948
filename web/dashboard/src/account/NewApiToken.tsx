import { useState, type FormEvent } from "react";
import { Checkbox, CheckboxGroup, Label } from "react-aria-components";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { Button } from "../parts/Button";
import { Tick } from "../parts/Tick";
import { CreateApiToken, type ApiToken } from "./documents";

type Scope = ApiToken["scopes"][number];

const SCOPES: { scope: Scope; words: string }[] = [
  { scope: "READ", words: "See what is yours" },
  { scope: "SPACES", words: "Make, run and delete spaces and tunnels" },
  { scope: "ACCOUNT", words: "Change your account" },
  { scope: "ADMINISTRATION", words: "Use what your roles allow beyond that" },
];

const DAY_MS = 86_400_000;

/** How long it holds; nothing when the text is no number of days, `null` when it is empty. */
function endOf(days: string): string | null | undefined {
  if (days === "") return null;
  return /^[1-9]\d{0,4}$/.test(days) ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : undefined;
}

export function NewApiToken({ onMade }: { onMade: (token: string) => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [scopes, setScopes] = useState<string[]>(["READ", "SPACES"]);
  const create = useAction(CreateApiToken, (data) => data.createApiToken);
  const expiresAt = endOf(days);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (expiresAt === undefined) return;
    const wanted = SCOPES.map(({ scope }) => scope).filter((scope) => scopes.includes(scope));
    const answer = await create.run({ input: { name, scopes: wanted, expiresAt } });
    if (!answer?.token) return;
    setName("");
    onMade(answer.token);
  };
  return (
    <form className="new" onSubmit={(event) => void submit(event)} aria-label="New API token" noValidate>
      <div className="line">
        <Field label="Name of the token" value={name} onChange={setName} problem={at(create.problems, "name")} autoComplete="off" />
        <Field
          label="Days it holds"
          value={days}
          onChange={setDays}
          problem={expiresAt === undefined ? "A number of days, or nothing." : at(create.problems, "expiresAt")}
          hint="Empty: without end."
          isCode
          autoComplete="off"
        />
      </div>
      <CheckboxGroup className="radios" value={scopes} onChange={setScopes}>
        <Label className="label">It may</Label>
        {SCOPES.map(({ scope, words }) => (
          <Checkbox key={scope} className="check" value={scope}>
            <Tick /> {words}
          </Checkbox>
        ))}
      </CheckboxGroup>
      <Problems of={create} shown={[["name"], ["expiresAt"]]} />
      <div className="buttons">
        <Button type="submit" isBusy={create.isBusy} isDisabled={name === "" || scopes.length === 0}>
          Create token
        </Button>
      </div>
    </form>
  );
}
