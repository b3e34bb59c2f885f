import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge manual`: the manual page, made of the same words as `--help`.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Print the manual page, for man.",
    discussion: """
      EXAMPLES
        \(Tool.name) manual | man -l -
        \(Tool.name) manual > /usr/local/share/man/man1/\(Tool.name).1
      """)

  func run() throws {
    let help = try JSONDocument(parsing: RootCommand._dumpHelp())
    try Console().print(ManualPage(help["command"], version: Tool.current.version).text)
  }
}

/// A command's help as a page for `man`, in the macros of man(7).
struct ManualPage {
  private let command: JSONDocument
  private let version: String

  /// - Parameter command: What ArgumentParser tells of a command and its subcommands.
  init(_ command: JSONDocument, version: String) {
    (self.command, self.version) = (command, version)
  }

  var text: String {
    let name = command["commandName"].text
    var lines = [
      ".TH \(ManualPage.escaped(name.uppercased())) 1 \"\" \"\(name) \(version)\" \"\(name)\"",
      ".SH NAME", "\(ManualPage.escaped(name)) \\- \(ManualPage.escaped(command["abstract"].text))",
      ".SH SYNOPSIS", ".B \(ManualPage.escaped(name))", "\\fIsubcommand\\fR [\\fIoptions\\fR]",
      ".SH DESCRIPTION",
    ]
    lines += ManualPage.paragraphs(command["discussion"].text)
    for subcommand in command["subcommands"].items
    where subcommand["commandName"].text != "help" {
      lines += section(subcommand, of: name)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func section(_ subcommand: JSONDocument, of name: String) -> [String] {
    let title = "\(name) \(subcommand["commandName"].text)"
    let arguments = subcommand["arguments"].items.filter { $0["shouldDisplay"] != .boolean(false) }
    let synopsis = arguments.filter { $0["kind"].text == "positional" }.map { argument in
      let name = "<\(argument["valueName"].text)>"
      let shown = argument["isRepeating"] == .boolean(true) ? "\(name) …" : name
      return argument["isOptional"] == .boolean(true) ? "[\(shown)]" : shown
    }
    var lines = [
      ".SH \"\(ManualPage.escaped(title).uppercased())\"",
      "\\fB\(ManualPage.escaped(title))\\fR "
        + ManualPage.escaped((synopsis + ["[options]"]).joined(separator: " ")),
      ".PP", ManualPage.escaped(subcommand["abstract"].text), ".PP",
    ]
    lines += ManualPage.paragraphs(subcommand["discussion"].text)
    for argument in arguments {
      lines += [".TP", ManualPage.heading(argument)]
      lines += [argument["abstract"].text, argument["discussion"].text]
        .flatMap { $0.split(separator: "\n") }.map { ManualPage.escaped(String($0)) }
    }
    return lines
  }

  private static func heading(_ argument: JSONDocument) -> String {
    let value = "\\fI\(escaped("<\(argument["valueName"].text)>"))\\fR"
    let names = argument["names"].items.map { name in
      let dashes = name["kind"].text == "long" ? "--" : "-"
      return "\\fB\(escaped(dashes + name["name"].text))\\fR"
    }
    guard !names.isEmpty else { return value }
    let shown = names.joined(separator: ", ")
    return argument["kind"].text == "flag" ? shown : "\(shown) \(value)"
  }

  /// Prose is filled; what is indented, and what follows a line of capitals, stands as it is.
  private static func paragraphs(_ text: String) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n\n") {
      var parts = paragraph.split(separator: "\n").map(String.init)
      if let title = parts.first, title == title.uppercased(), !title.hasPrefix(" ") {
        lines.append(".SS \(escaped(title))")
        parts.removeFirst()
      }
      let isPlain = parts.contains { $0.hasPrefix(" ") }
      lines += isPlain ? [".nf"] + parts.map(escaped) + [".fi"] : parts.map(escaped)
      lines.append(".PP")
    }
    return lines
  }

  /// Text that no macro or escape is taken for.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}

extension JSONDocument {
  /// A member of an object; null where there is none.
  fileprivate subscript(key: String) -> JSONDocument {
    objectMembers.first { $0.key == key }?.value ?? .null
  }

  /// The text; empty for anything else.
  fileprivate var text: String {
    guard case .string(let text) = self else { return "" }
    return text
  }

  fileprivate var items: [JSONDocument] {
    guard case .array(let items) = self else { return [] }
    return items
  }
}
