/* The web globals in JavaScript: the files of prelude/, joined by build.sh into one function. */
#ifndef SEALWORK_PRELUDE_H
#define SEALWORK_PRELUDE_H

extern const unsigned char prelude_source[];
extern const unsigned long prelude_source_len;

#endif
