import { useState } from "react";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { replacing } from "../forms/replacing";
import { Button } from "../parts/Button";
import { ChangePassword } from "./documents";

export function Password({ userName, onChanged }: { userName: string; onChanged: () => void }) {
  const [currentPassword, setCurrent] = useState("");
  const [newPassword, setNew] = useState("");
  const [isChanged, setIsChanged] = useState(false);
  const change = useAction(ChangePassword, (data) => data.changePassword);
  const submit = async (): Promise<void> => {
    setIsChanged(false);
    if (!(await change.run({ input: { currentPassword, newPassword } }))) return;
    setCurrent(replacing(currentPassword, ""));
    setNew(replacing(newPassword, ""));
    setIsChanged(true);
    onChanged();
  };
  return (
    <Form className="card" onSubmit={submit} aria-labelledby="password">
      <h2 id="password">Password</h2>
      {/* For who keeps passwords: whose it is. */}
      <input className="hidden" type="text" value={userName} autoComplete="username" readOnly tabIndex={-1} aria-hidden="true" />
      <Field
        label="Current password"
        value={currentPassword}
        onChange={setCurrent}
        problem={at(change.problems, "currentPassword")}
        type="password"
        autoComplete="current-password"
      />
      <Field
        label="New password"
        value={newPassword}
        onChange={setNew}
        problem={at(change.problems, "newPassword")}
        hint="At least 8 characters. Your other sign-ins end with the change."
        type="password"
        autoComplete="new-password"
      />
      <Problems of={change} shown={[["currentPassword"], ["newPassword"]]} />
      <div className="buttons">
        <Button type="submit" isBusy={change.isBusy} isDisabled={currentPassword === "" || newPassword === ""}>
          Change password
        </Button>
        <span role="status" className="quiet">
          {isChanged ? "Changed." : ""}
        </span>
      </div>
    </Form>
  );
}
