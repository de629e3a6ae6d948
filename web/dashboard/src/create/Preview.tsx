import { counted } from "../parts/format";
import type { Taking } from "./preview";

export function Preview({ takings }: { takings: readonly Taking[] }) {
  return (
    <table className="preview">
      <caption className="hidden">What this space takes of your quota</caption>
      <thead>
        <tr>
          <th scope="col">Resource</th>
          <th scope="col">Takes</th>
          <th scope="col">Then in use</th>
        </tr>
      </thead>
      <tbody>
        {takings.map(({ resource, unit, more, used, limit, when, lack }) => (
          <tr key={resource} data-refused={lack !== undefined || undefined}>
            <th scope="row">{resource}</th>
            <td>
              <span className="number">
                {unit === "unit" ? counted(more, unit) : `${more} ${unit}`}
              </span>{" "}
              <span className="quiet">{when}</span>
            </td>
            <td className="number">
              {used + more}
              {limit === null ? ", no limit" : ` of ${limit}`}
              {lack !== undefined && ": more than you may use"}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
