// The metadata of model files: lines of `key=value`. Part of bnn.hpp.
#ifndef BNN_META_HPP
#define BNN_META_HPP

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace bnn::detail {

/// A value that fits on one line: backslashes and control characters are escaped.
inline std::string escaped(const std::string &value) {
    std::string line;
    for (const char c : value) {
        switch (c) {
        case '\\': line += "\\\\"; break;
        case '\n': line += "\\n"; break;
        case '\r': line += "\\r"; break;
        case '\t': line += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                char code[8];
                std::snprintf(code, sizeof code, "\\u{%x}", static_cast<unsigned>(c));
                line += code;
            } else {
                line += c;
            }
        }
    }
    return line;
}

/// The value that was escaped. What is no escape stays as it is.
inline std::string unescaped(const std::string &line) {
    std::string value;
    for (std::size_t i = 0; i < line.size(); i++) {
        const char next = line[i] == '\\' && i + 1 < line.size() ? line[i + 1] : '\0';
        const std::size_t close = next == 'u' ? line.find('}', i) : std::string::npos;
        unsigned code = 0;
        int read = 0;
        if (close != std::string::npos && std::sscanf(line.c_str() + i, "\\u{%2x}%n", &code, &read) == 1 &&
            i + static_cast<std::size_t>(read) == close + 1 && code < 0x80) {
            value += static_cast<char>(code);
            i = close;
            continue;
        }
        switch (next) {
        case 'n': value += '\n'; break;
        case 'r': value += '\r'; break;
        case 't': value += '\t'; break;
        case '\\': case '\'': case '"': value += next; break;
        default: value += line[i]; continue;
        }
        i++;
    }
    return value;
}

/// Metadata with lines `class.0=..`, `class.1=..` after it.
inline std::string meta_text(std::string text, const std::vector<std::string> &class_names) {
    if (!class_names.empty() && !text.empty() && text.back() != '\n') {
        text += '\n';
    }
    for (std::size_t i = 0; i < class_names.size(); i++) {
        text += "class." + std::to_string(i) + "=" + escaped(class_names[i]) + "\n";
    }
    return text;
}

/// The value of the first line `key=value` of some metadata, unescaped; `otherwise` if there is no
/// such line.
inline std::string meta_value(const std::string &meta, const std::string &key, const std::string &otherwise) {
    const std::string start = key + "=";
    for (std::size_t at = 0; at < meta.size();) {
        const std::size_t end = meta.find('\n', at), stop = end == std::string::npos ? meta.size() : end;
        if (meta.compare(at, start.size(), start) == 0 && at + start.size() <= stop) {
            return unescaped(meta.substr(at + start.size(), stop - at - start.size()));
        }
        at = stop + 1;
    }
    return otherwise;
}

} // namespace bnn::detail

#endif
