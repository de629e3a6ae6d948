import { useEditorContext } from "@graphiql/react";
import { useEffect } from "react";

/** Tells screen readers what each editor is for, which GraphiQL doesn't. */
export function EditorNames(): null {
  const { queryEditor, variableEditor, headerEditor, responseEditor } = useEditorContext({ nonNull: true });
  useEffect(() => queryEditor?.setOption("screenReaderLabel", "Query"), [queryEditor]);
  useEffect(() => variableEditor?.setOption("screenReaderLabel", "Variables"), [variableEditor]);
  useEffect(() => headerEditor?.setOption("screenReaderLabel", "Headers"), [headerEditor]);
  useEffect(() => responseEditor?.setOption("screenReaderLabel", "Answer"), [responseEditor]);
  return null;
}
