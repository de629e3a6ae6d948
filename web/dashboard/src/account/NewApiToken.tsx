import { useState } from "react";
import { Checkbox, CheckboxGroup, Label } from "react-aria-components";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
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

const USUAL_SCOPES = ["READ", "SPACES"];

const USUAL_DAYS = "90";

const DAY_MS = 86_400_000;

const MOST_DAYS = 36_500;

/** How long it holds; nothing when the text is no number of days that can be, `null` when it is empty. */
export function endOf(days: string, now: Date): string | null | undefined {
  if (days === "") return null;
  const count = /^\d+$/.test(days) ? Number(days) : 0;
  return count >= 1 && count <= MOST_DAYS ? new Date(now.getTime() + count * DAY_MS).toISOString() : undefined;
}

export function NewApiToken({ onMade }: { onMade: (token: string) => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState(USUAL_DAYS);
  const [scopes, setScopes] = useState(USUAL_SCOPES);
  const create = useAction(CreateApiToken, (data) => data.createApiToken);
  const expiresAt = endOf(days, new Date());
  const submit = async (): Promise<void> => {
    if (expiresAt === undefined) return;
    const wanted = SCOPES.map(({ scope }) => scope).filter((scope) => scopes.includes(scope));
    const answer = await create.run({ input: { name, scopes: wanted, expiresAt } });
    if (!answer?.token) return;
    setName(replacing(name, ""));
    setDays(replacing(days, USUAL_DAYS));
    setScopes(replacing(scopes, USUAL_SCOPES));
    onMade(answer.token);
  };
  return (
    <Form className="new" onSubmit={submit} aria-label="New API token">
      <div className="line">
        <Field label="Name of the token" value={name} onChange={setName} problem={at(create.problems, "name")} autoComplete="off" />
        <Field
          label="Days it holds"
          value={days}
          onChange={setDays}
          problem={expiresAt === undefined ? `A whole number from 1 to ${MOST_DAYS}, or nothing.` : at(create.problems, "expiresAt")}
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
    </Form>
  );
}
