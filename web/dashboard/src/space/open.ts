/** Opening an app of a space in a tab of its own, signed in. */

import { useAction, type Outcome } from "../forms/action";
import { ProblemParts } from "../forms/problems";
import { graphql } from "../graphql";
import { useSession } from "../session/session";
import { StartSpace } from "../spaces/requests";
import { isManaged, type Space } from "../spaces/space";
import { wishesOf } from "../spaces/status";

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

/** Where the space doesn't run, and is for its viewer to start, that comes first. */
export function useOpenApp(space: Space): Outcome & { open: (app: string) => Promise<void> } {
  const { live } = useSession();
  const starting = useAction(StartSpace, (data) => data.startSpace);
  const opening = useAction(OpenApp, (data) => data.openApp);
  const startsFirst = isManaged(space) && wishesOf(space).start;
  const wayTo = async (app: string): Promise<string | undefined> => {
    starting.clear();
    opening.clear();
    if (startsFirst) {
      const started = await starting.run({ input: { spaceId: space.id } });
      live.answered(started);
      if (!started) return undefined;
    }
    const answer = await opening.run({ input: { spaceId: space.id, app } });
    return answer?.url ?? undefined;
  };
  const open = async (app: string): Promise<void> => {
    if (starting.isBusy || opening.isBusy) return;
    // Browsers let a click open a tab, but not an answer that comes later.
    const tab = window.open("about:blank", "_blank");
    if (tab) tab.opener = null;
    const url = await wayTo(app);
    if (url === undefined) tab?.close();
    else if (tab) tab.location.replace(url);
    else location.assign(url);
  };
  return {
    isBusy: starting.isBusy || opening.isBusy,
    problems: [...starting.problems, ...opening.problems],
    fault: starting.fault ?? opening.fault,
    isUnreached: starting.isUnreached || opening.isUnreached,
    open,
  };
}
