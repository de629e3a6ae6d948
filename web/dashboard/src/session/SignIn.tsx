import { useState } from "react";
import { Checkbox } from "react-aria-components";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { ProblemParts } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { graphql } from "../graphql";
import { Button } from "../parts/Button";
import { Tick } from "../parts/Tick";

const SignInDocument = graphql(
  `
    mutation SignIn($input: SignInInput!) {
      signIn(input: $input) {
        token
        problems {
          ...ProblemParts
        }
      }
    }
  `,
  [ProblemParts],
);

interface Props {
  /** Why somebody who was signed in is here. */
  notice: string | undefined;
  onSignedIn: (token: string, beyondTab: boolean) => void;
}

export function SignIn({ notice, onSignedIn }: Props) {
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const [staysSignedIn, setStaysSignedIn] = useState(false);
  const [isTried, setIsTried] = useState(false);
  const signIn = useAction(SignInDocument, (data) => data.signIn);

  const submit = async (): Promise<void> => {
    setIsTried(true);
    if (userName === "" || password === "") return;
    const answer = await signIn.run({ input: { userName, password } });
    if (answer?.token) onSignedIn(answer.token, staysSignedIn);
  };

  return (
    <main className="sign-in">
      <title>Sign in · Spaceport</title>
      <Form className="card" onSubmit={submit}>
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> Sign in to Spaceport
        </h1>
        {notice && (
          <p className="notice" role="status">
            {notice}
          </p>
        )}
        <Field
          label="User name"
          value={userName}
          onChange={setUserName}
          problem={isTried && userName === "" ? "Enter your user name." : undefined}
          autoComplete="username"
          isCode
          autoFocus
        />
        <Field
          label="Password"
          value={password}
          onChange={setPassword}
          problem={isTried && password === "" ? "Enter your password." : undefined}
          type="password"
          autoComplete="current-password"
        />
        <Checkbox className="check" isSelected={staysSignedIn} onChange={setStaysSignedIn}>
          <Tick /> Keep me signed in on this device
        </Checkbox>
        <Problems of={signIn} />
        <Button type="submit" look="primary" isBusy={signIn.isBusy}>
          {signIn.isBusy ? "Signing in…" : "Sign in"}
        </Button>
      </Form>
    </main>
  );
}
