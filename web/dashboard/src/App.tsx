import { useMemo, useState } from "react";
import { Provider } from "urql";

import { createApi } from "./connection/client";
import { SignedInApp } from "./SignedInApp";
import { SignIn } from "./session/SignIn";
import * as kept from "../../shared/token";

/** The sign-in stands in the place of the page that was asked for, which follows it. */
export function App() {
  const [token, setToken] = useState(kept.read);
  const [notice, setNotice] = useState<string>();
  const anonymous = useMemo(() => createApi(undefined, () => {}), []);

  if (token !== undefined) {
    const leave = (reason: string): void => {
      kept.forget(token);
      setNotice(reason);
      setToken(undefined);
    };
    return <SignedInApp key={token} token={token} onLeft={leave} />;
  }
  const enter = (token: string, beyondTab: boolean): void => {
    kept.keep(token, beyondTab);
    setNotice(undefined);
    setToken(token);
  };
  return (
    <Provider value={anonymous}>
      <SignIn notice={notice} onSignedIn={enter} />
    </Provider>
  );
}
