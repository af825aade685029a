/*
 * An API worker: evhttp and blocking storage calls, one request at a time; `api_workers` of them share
 * the listening sockets. Holds no key: secrets are sealed by the keeper.
 */
#ifndef API_API_H
#define API_API_H

#include "conf/conf_runtime.h"

_Noreturn void	api_main(struct runtime *rt);

#endif
