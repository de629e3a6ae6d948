/** Opening an app of a space in a tab of its own, signed in. */

import { useAction } from "../forms/action";
import { ProblemParts } from "../forms/problems";
import { graphql } from "../graphql";

const OpenApp = graphql(
  `
    mutation OpenApp($input: OpenAppInput!) {
      openApp(input: $input) {
        url
        problems {
          ...ProblemParts
        }
      }
    }
  `,
  [ProblemParts],
);

export function useOpenApp(spaceId: string) {
  const action = useAction(OpenApp, (data) => data.openApp);
  const open = async (app: string): Promise<void> => {
    if (action.isBusy) return;
    // Browsers let a click open a tab, but not an answer that comes later.
    const tab = window.open("about:blank", "_blank");
    if (tab) tab.opener = null;
    const answer = await action.run({ input: { spaceId, app } });
    if (!answer?.url) tab?.close();
    else if (tab) tab.location.replace(answer.url);
    else location.assign(answer.url);
  };
  return { ...action, open };
}
